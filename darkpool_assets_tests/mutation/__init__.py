"""What the mutation run needs beside the tests: modules that every forked test process has from the start."""
