"""Where data comes from: file formats and readers."""
