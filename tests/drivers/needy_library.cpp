// A Level I library by its names, of a driver that was linked without everything it needs.
extern "C" {
extern int a_function_that_nothing_has();
extern int a_value_that_nothing_has;
int CanalOpen();
}

int CanalOpen() {
  return a_value_that_nothing_has + a_function_that_nothing_has();
}
