"""The plot of one symbol: one panel model, drawn interactive and as a picture."""
