"""What an admin sees in a browser: logs, sessions, spend, keys and configs. No outside asset."""
