"""One job's story, told over ports: what happens, in which order, and what ends it."""
