"""A Django site with one view that says hello, behind the middleware of a new project that needs no database."""

from django.http import HttpResponse
from django.urls import path

import django_site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from django.http import HttpRequest

BODY = b"Hello, World!"


def hello(request: "HttpRequest") -> HttpResponse:
    """Answer every request alike."""
    del request
    return HttpResponse(BODY, content_type="text/plain")


urlpatterns = [path("", hello)]
application = django_site.application(__name__)
