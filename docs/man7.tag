<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>
<!-- The manual pages that the site links calls to. Doxygen 1.9.4 takes one
     .html off each anchorfile, hence two. -->
<tagfile>
  <compound kind="file">
    <name>man</name>
    <filename>index</filename>
    <member kind="function">
      <name>socket</name>
      <anchorfile>man2/socket.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>bind</name>
      <anchorfile>man2/bind.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>listen</name>
      <anchorfile>man2/listen.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>accept</name>
      <anchorfile>man2/accept.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>accept4</name>
      <anchorfile>man2/accept.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>connect</name>
      <anchorfile>man2/connect.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>send</name>
      <anchorfile>man2/send.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>sendto</name>
      <anchorfile>man2/send.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>sendmsg</name>
      <anchorfile>man2/send.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>recv</name>
      <anchorfile>man2/recv.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>recvfrom</name>
      <anchorfile>man2/recv.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>recvmsg</name>
      <anchorfile>man2/recv.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>shutdown</name>
      <anchorfile>man2/shutdown.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>close</name>
      <anchorfile>man2/close.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>read</name>
      <anchorfile>man2/read.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>write</name>
      <anchorfile>man2/write.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>poll</name>
      <anchorfile>man2/poll.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>select</name>
      <anchorfile>man2/select.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getsockopt</name>
      <anchorfile>man2/getsockopt.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>setsockopt</name>
      <anchorfile>man2/getsockopt.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getsockname</name>
      <anchorfile>man2/getsockname.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getpeername</name>
      <anchorfile>man2/getpeername.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fcntl</name>
      <anchorfile>man2/fcntl.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>dup</name>
      <anchorfile>man2/dup.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>dup2</name>
      <anchorfile>man2/dup.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>dup3</name>
      <anchorfile>man2/dup.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fork</name>
      <anchorfile>man2/fork.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>execve</name>
      <anchorfile>man2/execve.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>_exit</name>
      <anchorfile>man2/_exit.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>ioctl</name>
      <anchorfile>man2/ioctl.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>socketpair</name>
      <anchorfile>man2/socketpair.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>sigaction</name>
      <anchorfile>man2/sigaction.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>signal</name>
      <anchorfile>man2/signal.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>mmap</name>
      <anchorfile>man2/mmap.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>ftruncate</name>
      <anchorfile>man2/truncate.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>readv</name>
      <anchorfile>man2/readv.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>writev</name>
      <anchorfile>man2/readv.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>nanosleep</name>
      <anchorfile>man2/nanosleep.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>kill</name>
      <anchorfile>man2/kill.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>waitpid</name>
      <anchorfile>man2/wait.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>setpgid</name>
      <anchorfile>man2/setpgid.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>prctl</name>
      <anchorfile>man2/prctl.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>setrlimit</name>
      <anchorfile>man2/getrlimit.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getrlimit</name>
      <anchorfile>man2/getrlimit.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>clock_gettime</name>
      <anchorfile>man2/clock_getres.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>ppoll</name>
      <anchorfile>man2/poll.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>pselect</name>
      <anchorfile>man2/select.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>epoll_wait</name>
      <anchorfile>man2/epoll_wait.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>epoll_create1</name>
      <anchorfile>man2/epoll_create.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>epoll_ctl</name>
      <anchorfile>man2/epoll_ctl.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>sendfile</name>
      <anchorfile>man2/sendfile.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>setsid</name>
      <anchorfile>man2/setsid.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>open</name>
      <anchorfile>man2/open.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>pipe</name>
      <anchorfile>man2/pipe.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>unlink</name>
      <anchorfile>man2/unlink.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>openat</name>
      <anchorfile>man2/open.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>memfd_create</name>
      <anchorfile>man2/memfd_create.2.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>perror</name>
      <anchorfile>man3/perror.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strerror</name>
      <anchorfile>man3/strerror.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>errno</name>
      <anchorfile>man3/errno.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getaddrinfo</name>
      <anchorfile>man3/getaddrinfo.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>freeaddrinfo</name>
      <anchorfile>man3/getaddrinfo.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>gai_strerror</name>
      <anchorfile>man3/getaddrinfo.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getnameinfo</name>
      <anchorfile>man3/getnameinfo.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>htons</name>
      <anchorfile>man3/byteorder.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>htonl</name>
      <anchorfile>man3/byteorder.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>ntohs</name>
      <anchorfile>man3/byteorder.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>ntohl</name>
      <anchorfile>man3/byteorder.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>inet_pton</name>
      <anchorfile>man3/inet_pton.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>inet_ntop</name>
      <anchorfile>man3/inet_ntop.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>inet_addr</name>
      <anchorfile>man3/inet.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>inet_aton</name>
      <anchorfile>man3/inet.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>gethostbyname</name>
      <anchorfile>man3/gethostbyname.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>memset</name>
      <anchorfile>man3/memset.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>memcpy</name>
      <anchorfile>man3/memcpy.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>memchr</name>
      <anchorfile>man3/memchr.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>memcmp</name>
      <anchorfile>man3/memcmp.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>memmove</name>
      <anchorfile>man3/memmove.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strlen</name>
      <anchorfile>man3/strlen.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strcmp</name>
      <anchorfile>man3/strcmp.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strncmp</name>
      <anchorfile>man3/strcmp.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strcpy</name>
      <anchorfile>man3/strcpy.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strchr</name>
      <anchorfile>man3/strchr.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strstr</name>
      <anchorfile>man3/strstr.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strdup</name>
      <anchorfile>man3/strdup.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>sprintf</name>
      <anchorfile>man3/printf.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>snprintf</name>
      <anchorfile>man3/printf.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>printf</name>
      <anchorfile>man3/printf.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fprintf</name>
      <anchorfile>man3/printf.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>vfprintf</name>
      <anchorfile>man3/printf.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>vsnprintf</name>
      <anchorfile>man3/printf.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>puts</name>
      <anchorfile>man3/puts.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>putchar</name>
      <anchorfile>man3/puts.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fputs</name>
      <anchorfile>man3/puts.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fputc</name>
      <anchorfile>man3/puts.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fwrite</name>
      <anchorfile>man3/fread.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fread</name>
      <anchorfile>man3/fread.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fgets</name>
      <anchorfile>man3/fgetc.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fflush</name>
      <anchorfile>man3/fflush.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>ferror</name>
      <anchorfile>man3/ferror.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fopen</name>
      <anchorfile>man3/fopen.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fdopen</name>
      <anchorfile>man3/fopen.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>fclose</name>
      <anchorfile>man3/fclose.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getc</name>
      <anchorfile>man3/fgetc.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getchar</name>
      <anchorfile>man3/fgetc.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strtol</name>
      <anchorfile>man3/strtol.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>strtoul</name>
      <anchorfile>man3/strtoul.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>atoi</name>
      <anchorfile>man3/atoi.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>malloc</name>
      <anchorfile>man3/malloc.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>calloc</name>
      <anchorfile>man3/malloc.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>realloc</name>
      <anchorfile>man3/malloc.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>free</name>
      <anchorfile>man3/malloc.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>exit</name>
      <anchorfile>man3/exit.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>atexit</name>
      <anchorfile>man3/atexit.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>sleep</name>
      <anchorfile>man3/sleep.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>usleep</name>
      <anchorfile>man3/usleep.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>bzero</name>
      <anchorfile>man3/bzero.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>getenv</name>
      <anchorfile>man3/getenv.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>setenv</name>
      <anchorfile>man3/setenv.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>dlsym</name>
      <anchorfile>man3/dlsym.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>pthread_create</name>
      <anchorfile>man3/pthread_create.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>pthread_join</name>
      <anchorfile>man3/pthread_join.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>qsort</name>
      <anchorfile>man3/qsort.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>mkdtemp</name>
      <anchorfile>man3/mkdtemp.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>mkstemp</name>
      <anchorfile>man3/mkstemp.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>realpath</name>
      <anchorfile>man3/realpath.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
    <member kind="function">
      <name>isatty</name>
      <anchorfile>man3/isatty.3.html.html</anchorfile>
      <anchor></anchor>
      <arglist></arglist>
    </member>
  </compound>
</tagfile>
