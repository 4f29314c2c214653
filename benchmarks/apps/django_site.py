"""What the Django sites share: settings as `startproject` writes them, without a database, sessions or users."""

from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

TABLE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title></head>
<body>
<h1>{{ title }}</h1>
<table>
<tr><th>#</th><th>Name</th><th>Price</th><th>Stock</th></tr>
{% for article in goods %}<tr class="{% cycle 'odd' 'even' %}">
<td>{{ article.number }}</td><td><a href="{{ article.url }}">{{ article.name }}</a></td>
<td>{{ article.price|floatformat:2 }}</td>
<td>{% if article.stock %}{{ article.stock }}{% else %}sold out{% endif %}</td>
</tr>
{% endfor %}</table>
</body>
</html>
"""


def application(urls: str) -> Any:
    """The WSGI application of the site whose views the module `urls` names."""
    loader = ("django.template.loaders.locmem.Loader", {"table.html": TABLE})
    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        ROOT_URLCONF=urls,
        SECRET_KEY="benchmark",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [("django.template.loaders.cached.Loader", [loader])]},
            }
        ],
        USE_TZ=True,
    )
    return get_wsgi_application()
