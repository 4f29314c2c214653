"""What is stored."""

from django.db import models


class Note(models.Model):
    """A line that a visitor left."""

    text = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.text
