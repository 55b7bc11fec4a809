"""The window. Qt is imported here and nowhere else in labctl; start it with :func:`app.run`."""
