"""Who was there: scans at doors, with or without network, devices, and presence."""
