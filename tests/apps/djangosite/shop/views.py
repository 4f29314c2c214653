"""The views: a form behind CSRF, uploads, downloads, a streaming page, an error."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, Http404, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from djangosite.shop.models import Note


def notes(request):
    """Lists the notes and takes a new one."""
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
        return redirect("notes")
    return render(request, "notes.html", {"notes": Note.objects.order_by("id")})


@csrf_exempt
def upload(request):
    """Stores an uploaded file and tells its size and SHA-256."""
    stored = request.FILES["file"]
    sha, total = hashlib.sha256(), 0
    settings.MEDIA_ROOT.mkdir(exist_ok=True)
    with Path(settings.MEDIA_ROOT / Path(stored.name).name).open("wb") as target:
        for piece in stored.chunks():
            target.write(piece)
            sha.update(piece)
            total += len(piece)
    return JsonResponse({"size": total, "sha256": sha.hexdigest()})


@csrf_exempt
def raw(request):
    """Size and SHA-256 of a body that is no form."""
    return JsonResponse({"size": len(request.body), "sha256": hashlib.sha256(request.body).hexdigest()})


def download(request, name):
    """A stored file, by wsgi.file_wrapper."""
    path = settings.MEDIA_ROOT / Path(name).name
    if not path.is_file():
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True)


def stream(request):
    """A page of unknown length."""
    return StreamingHttpResponse((f"line {number}\n" for number in range(1000)), content_type="text/plain")


def broken(request):
    """An error of the application."""
    raise RuntimeError("planted in a view")


def where(request, rest):
    """What Django makes of the URL."""
    return JsonResponse(
        {
            "rest": rest,
            "absolute": request.build_absolute_uri(),
            "reverse": reverse("stream"),
            "addr": request.META["REMOTE_ADDR"],
            "secure": request.is_secure(),
        },
    )
