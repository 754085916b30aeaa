"""How gunicorn serves Keystone and Glance.

``openstack.sh`` names this file in GUNICORN_CMD_ARGS, since both services read the command line
as if it were their own.
"""

import os

wsgi_app = f"{os.environ['SERVICE']}.wsgi.api:application"
bind = f"127.0.0.1:{os.environ['PORT']}"
workers = int(os.environ["WORKERS"])
threads = 8
# Uploads of large images take their time.
timeout = 900
graceful_timeout = 3
