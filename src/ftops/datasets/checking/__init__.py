"""Inspections of datasets: one family of checks in each module. They open no file and keep no state."""
