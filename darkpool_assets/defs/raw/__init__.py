"""Raw assets: one feed each, stored as published, with the ledger of what was read. They derive nothing."""
