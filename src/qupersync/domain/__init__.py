"""What is true about jobs, windows, rows and runs, whatever they are stored in."""
