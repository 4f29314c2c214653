<?php
// The yardstick: what php-fpm takes for the same response.
header('Content-Type: text/plain');
header('Content-Length: 13');
echo 'Hello, World!';
