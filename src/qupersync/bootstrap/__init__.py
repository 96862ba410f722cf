"""The composition root: plugs adapters into the application; nothing else may touch them."""
