"""The Model XML and the JSON specification."""
