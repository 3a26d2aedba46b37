/**
 * @file
 * Exercise: the most copied server of the web, with its mistakes.
 *
 * Usage: most-copied-server [PORT]   (default 8080; 0 lets the kernel choose)
 */
#define _DEFAULT_SOURCE /* POSIX and more, with -std=c11 as well */

#include <arpa/inet.h>  /* htons, htonl, ntohs */
#include <errno.h>      /* errno and its values */
#include <netinet/in.h> /* the internet domain */
#include <stdint.h>     /* uint16_t */
#include <stdio.h>      /* fprintf, perror, printf, fwrite */
#include <stdlib.h>     /* EXIT_SUCCESS, EXIT_FAILURE, atoi */
#include <string.h>     /* memset, strlen */
#include <sys/socket.h> /* socket and its family */
#include <unistd.h>     /* close */

/* TODO: eleven mistakes hide from here to the end of the file; mend them. */

int main(int argc, char *argv[])
{
    int port = argc > 1 ? atoi(argv[1]) : 8080;
    const char *hello = "Hello from server";
    char buffer[1024] = {0};
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int yes = 1;

    int server_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (server_fd == -1) {
        printf("socket failed\n");
        return -1;
    }
    if (setsockopt(server_fd, SOL_SOCKET, SO_REUSEADDR | SO_REUSEPORT, &yes,
                   sizeof yes) == -1) {
        printf("setsockopt failed\n");
        return -1;
    }
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = INADDR_ANY;
    address.sin_port = htons((uint16_t)port);
    if (bind(server_fd, (struct sockaddr *)&address, sizeof address) == -1) {
        printf("bind failed\n");
        return -1;
    }
    if (listen(server_fd, 3) == -1) {
        printf("listen failed\n");
        return -1;
    }
    getsockname(server_fd, (struct sockaddr *)&address, &size);
    fprintf(stderr, "listening on 127.0.0.1:%u\n", ntohs(address.sin_port));

    int new_socket = accept(server_fd, NULL, NULL);
    if (new_socket == -1) {
        printf("accept failed\n");
        return -1;
    }
    recv(new_socket, buffer, 1024, 0);
    printf("%s\n", buffer);
    send(new_socket, hello, strlen(hello), 0);
    printf("Hello message sent\n");

    close(new_socket);
    shutdown(server_fd, SHUT_RDWR);
    return 0;
}

/* TODO end */
