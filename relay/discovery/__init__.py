"""Discovery: find parcels in VTEX where the ERP wrote tracking number and courier."""
