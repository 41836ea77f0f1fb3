"""Ready-made answers to the questions of a run. They are pure: names in, numbers out."""
