"""The graph: the only place with @asset and @asset_check. Bodies are thin: read, one pure call, write, report."""
