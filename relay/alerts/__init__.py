"""Alerts: what is wrong, judged once a minute, and sent by e-mail and chat."""
