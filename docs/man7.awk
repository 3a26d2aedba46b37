# Reads docs/man7.tag: man["bind"] is the address of the manual page, after MAN.
# Doxygen 1.9.4 takes one .html off each name, so there are two in the file.

BEGIN {
    MAN = "https://man7.org/linux/man-pages/"
    while ((getline tag < "docs/man7.tag") > 0) {
        if (tag ~ /<name>/)
            name = content(tag)
        else if (tag ~ /<anchorfile>/) {
            man[name] = content(tag)
            sub(/\.html\.html$/, ".html", man[name])
        }
    }
}

function content(line)
{
    gsub(/<[^>]*>|^[ \t]+/, "", line)
    return line
}
