"""The beginning of an adapter, written from one sample of what a carrier sends."""
