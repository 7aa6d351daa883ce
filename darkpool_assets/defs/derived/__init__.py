"""Derived assets: read what is stored, one pure call, write. No rule of the numbers stands here."""
