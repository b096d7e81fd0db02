"""What the harness leaves in folders, and reads back without trust."""
