"""The REST API: one module per resource, and in one place each: errors, paging, permissions."""
