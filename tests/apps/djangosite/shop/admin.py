"""Notes in the admin."""

from django.contrib import admin

from djangosite.shop.models import Note

admin.site.register(Note)
