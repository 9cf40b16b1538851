"""Configuration: found, read, merged, and applied to what rules found."""
