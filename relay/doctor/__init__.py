"""The doctor: checks settings, database, carriers and VTEX without changing them."""
