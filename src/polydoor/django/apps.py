"""What Django knows about the app; it has no models."""

from django.apps import AppConfig


class PolydoorConfig(AppConfig):
    """The app that brings the command `polydoor`."""

    name = "polydoor.django"
    label = "polydoor"
    verbose_name = "Polydoor"
