// libcublasLt.so.12: nothing but its handle, since the provider makes one whatever it runs.
extern "C" {

int cublasLtCreate(void **handle) {
    *handle = new char;
    return 0;
}
int cublasLtDestroy(void *handle) {
    delete static_cast<char *>(handle);
    return 0;
}

}  // extern "C"
