{
  'target_defaults': {
    'cflags_c': ['-std=gnu11', '-Wall', '-Wextra'],
    'cflags_cc': ['-std=c++20', '-Wall', '-Wextra', '-Wno-missing-field-initializers'],
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
    'defines': ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
    'include_dirs': ["<!@(node -p \"require('node-addon-api').include\")", 'addon'],
  },
  'targets': [
    {
      'target_name': 'backplane',
      'sources': ["<!@(node -p \"require('fs').readdirSync('addon',{recursive:true}).filter(f=>/^(binding|kernel|parse)\\/.*\\.cc$/.test(f)).map(f=>'addon/'+f).join(' ')\")"],
    },
    {
      'target_name': 'backplane_lab',
      'sources': ["<!@(node -p \"require('fs').readdirSync('addon',{recursive:true}).filter(f=>/^lab\\/.*\\.cc$/.test(f)).map(f=>'addon/'+f).join(' ')\")"],
    },
    {
      'target_name': 'backplane_keeper',
      'type': 'executable',
      'defines': ['_GNU_SOURCE'],
      'sources': ["<!@(node -p \"require('fs').readdirSync('addon/keeper').filter(f=>/\\.c$/.test(f)).map(f=>'addon/keeper/'+f).join(' ')\")"],
    },
    {
      'target_name': 'backplane_guest',
      'type': 'shared_library',
      'product_prefix': '',
      'product_dir': '<(PRODUCT_DIR)',
      'defines': ['_GNU_SOURCE'],
      'sources': ['addon/guest/preload.c'],
    },
  ],
}
