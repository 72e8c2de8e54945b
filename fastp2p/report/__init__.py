"""Reports of results folders: one file of HTML that shows all of a run, or two runs side by side."""
