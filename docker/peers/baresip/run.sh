#!/bin/sh
# Types what a person would, once baresip has registered; then hands the keyboard over.
folder=$(mktemp -d) # baresip writes beside its settings
cp /etc/baresip/config /etc/baresip/accounts /etc/baresip/contacts "$folder"
(sleep 4; echo /contact_next; sleep 1; echo '/message hello from baresip'; exec cat) | baresip -f "$folder"
