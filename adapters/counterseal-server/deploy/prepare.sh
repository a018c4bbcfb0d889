#!/bin/sh
# Writes what compose.yaml reads: .env, and the folder secrets with new secrets.
# sh prepare.sh HOST [postgresql|redis]; it changes nothing that exists.
set -eu
cd "$(dirname "$0")"
host="${1:?HOST is missing: the name that clients use, such as auth.example.com}"
store="${2:-postgresql}"
case "$host" in
*[!A-Za-z0-9.-]*)
    echo "prepare.sh: $host: not a host name, such as auth.example.com" >&2
    exit 1
    ;;
esac
for name in .env secrets; do
    if [ -e "$name" ]; then
        echo "prepare.sh: $name exists, and is not replaced" >&2
        exit 1
    fi
done
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
password="$(random)"
case "$store" in
postgresql) url="postgresql://counterseal:$password@postgresql/counterseal" ;;
redis) url="redis://counterseal:$password@redis:6379/0?durability=fsync" ;;
*)
    echo "prepare.sh: $store: neither postgresql nor redis" >&2
    exit 1
    ;;
esac
complete=
trap 'test "$complete" || rm -rf secrets .env' EXIT
# The engine shows the files to users whom this machine does not know, so everybody may read them;
# but of this machine's users, only you can enter the folder.
mkdir -m 700 secrets
umask 022
head -c 32 /dev/urandom | base64 >secrets/master_key
printf '%s\n' "$url" >secrets/store
printf '%s\n' "$password" >secrets/postgresql_password
random >secrets/postgresql_admin_password
{
    echo "user default off"
    echo "user health on nopass +ping"
    echo "user counterseal on >$password ~cs:* &cs:* +@all -@dangerous +info"
} >secrets/redis_users
umask 077
cat >.env <<END
PUBLIC_HOST=$host
COMPOSE_PROFILES=$store
COMPANY=Example
APP_SPACE=Bank
ORIGIN="Web shop"
END
complete=yes
