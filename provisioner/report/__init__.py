"""Plans, outcomes, findings and problems as text, JSON and HTML; nothing here prints."""
