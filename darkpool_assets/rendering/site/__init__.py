"""The report site: pages over a day's table, composite and plots, and the calendar of all days."""
