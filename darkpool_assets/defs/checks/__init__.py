"""Asset checks: sentences that are true when green, one verdict per day, the rules themselves in analytics."""
