"""What a browser sends with a click on a link."""

# Twenty fields, Host and Connection among them.
FIELDS = {
    "Connection": "keep-alive",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://shop.example/catalogue/garden?page=2",
    "Cookie": "sessionid=7r3qjv0c1m0l8yk5wq2t6d9x4b1n8z3e; csrftoken=Jq8H2v5Nw0Xc7Lr4Tb9Ys6Pd3Mf1Kg8A; theme=dark",
    "Cache-Control": "max-age=0",
    "Pragma": "no-cache",
    "Upgrade-Insecure-Requests": "1",
    "DNT": "1",
    "Priority": "u=0, i",
    "Sec-CH-UA": '"Chromium";v="148", "Not.A/Brand";v="99"',
    "Sec-CH-UA-Mobile": "?0",
    "Sec-CH-UA-Platform": '"Linux"',
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-User": "?1",
}
