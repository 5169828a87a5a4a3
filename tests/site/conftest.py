from browser import find_chromium

# Without a browser `test_site.py` says so, once.
collect_ignore = [] if find_chromium() else ["test_live_module.py"]
