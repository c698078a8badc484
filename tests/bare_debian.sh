# A bare Debian 12 to be changed at will; read by scripts that have set
# `folder`, where it is kept, `base`, the archive of it there, and `root`, where
# it is unpacked. Needs root and debootstrap; the mirror is this machine's own.

mirror() {
    apt-get indextargets --format '$(SUITE) $(REPO_URI)' 'Created-By: Packages' |
        awk '/ .*\/debian\/?$/ { print $2; exit }'
}

bare_debian() {
    local address
    address=$(mirror)
    [[ -n $address ]] || { echo "no Debian mirror in this machine's apt sources" >&2; exit 1; }
    debootstrap --variant=minbase bookworm "$folder/bare" "$address"
    tar -C "$folder/bare" --numeric-owner -cf "$base.part" .
    mv "$base.part" "$base"
    rm -rf "$folder/bare"
}

start_afresh() {
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    tar -C "$root" --numeric-owner -xf "$base"
    mount -t proc proc "$root/proc"
    mount -t sysfs sys "$root/sys"
    mount --rbind /dev "$root/dev"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    # This machine may trust more than Debian does: a hospital's own proxy.
    cp /etc/ssl/certs/ca-certificates.crt "$root/opt/trusted.crt"
    rm -f "$root"/etc/apt/sources.list
    cp /etc/apt/sources.list.d/debian.* "$root/etc/apt/sources.list.d/" 2>/dev/null ||
        cp /etc/apt/sources.list "$root/etc/apt/"
}
