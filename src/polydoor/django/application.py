"""Which application a Django project serves, as the command line of Polydoor names it."""

from __future__ import annotations

from django.conf import settings

WITHOUT_SETTING = "django.core.wsgi:get_wsgi_application()"


def application_name() -> str:
    """Return `module:attr` for WSGI_APPLICATION, or Django's own factory where a project has none."""
    path: str | None = settings.WSGI_APPLICATION
    return ":".join(path.rsplit(".", 1)) if path else WITHOUT_SETTING
