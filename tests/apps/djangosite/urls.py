"""The pages."""

from django.contrib import admin
from django.urls import path

from djangosite.shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.notes, name="notes"),
    path("upload/", views.upload, name="upload"),
    path("raw/", views.raw, name="raw"),
    path("download/<str:name>", views.download, name="download"),
    path("stream/", views.stream, name="stream"),
    path("broken/", views.broken, name="broken"),
    path("where/<path:rest>", views.where, name="where"),
]
