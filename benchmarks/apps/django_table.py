"""A Django site with one view: a template with a table of 50 rows, made anew for each request."""

from django.shortcuts import render
from django.urls import path

import django_site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

ROWS = 50


def table(request: "HttpRequest") -> "HttpResponse":
    """Answer every request alike."""
    goods = [
        {"number": n, "name": f"Article <{n}>", "price": n * 1.25, "stock": n % 7, "url": f"/articles/{n}/"}
        for n in range(1, ROWS + 1)
    ]
    return render(request, "table.html", {"title": "All articles", "goods": goods})


urlpatterns = [path("", table)]
application = django_site.application(__name__)
