"""pytest allows plugins to be named only here, at the root."""

pytest_plugins = ["pytester", "leftovers"]
