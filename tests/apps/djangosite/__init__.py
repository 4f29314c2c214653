"""A small real Django project: the admin, a form, uploads, downloads, a streaming page."""
