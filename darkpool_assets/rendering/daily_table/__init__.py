"""The table of one day: one model, drawn as a page, as a picture and as CSV."""
