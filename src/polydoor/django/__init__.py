"""Polydoor for Django: put "polydoor.django" into INSTALLED_APPS, then `python manage.py polydoor`."""
