"""Schemas as data files: the Model XML, the JSON specification, reports, the SavedModel."""
